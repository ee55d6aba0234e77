"""What can be configured, and how it is read.

`model` has the types, which hold no wrong value, and with it `upstream`, `caching` and
`access`; `groups` puts upstreams together;
`toml_file` reads dotproxy.toml, `options` the flags of twistd; `upstream_spec` and
`presets` name upstreams in short.
Every fault is one ConfigError (`setting`) of one line.
"""
