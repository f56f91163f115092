"""The lab: a whole Active Directory domain, its users, certificate authorities, web site and this project's programs, on
loopback addresses of one machine.  `tests/lab` is its command line; the end-to-end tests import it."""
