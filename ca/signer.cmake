# What fasd links of this room: the issue socket's messages behind functions.
fas_room(fas_ca_client SOURCES client.c LINK fas_base)
