#include "fas/base/yaml.h"
