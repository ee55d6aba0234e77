"""The whole program, with real processes around it: servers, clients, the kernel.

Everything happens on loopback, on free ports and in temporary folders.  A machine
that lacks a program skips what needs it, and says which Debian package has it.
"""
