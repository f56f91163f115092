/* Files that the program carries: texts.yaml and style.css, as they lie beside this header (CMakeLists.txt). */
#ifndef FAS_FRONT_ASSETS_H
#define FAS_FRONT_ASSETS_H

#include <stddef.h>

extern const unsigned char front_texts_yaml[], front_style_css[];
extern const size_t front_texts_yaml_len, front_style_css_len;

#endif
