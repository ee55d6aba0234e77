"""How fast dotproxy is, beside other proxies, on the machine at hand.

`python -m benchmarks` measures the whole from outside, `python -m benchmarks.micro`
the single steps inside.  README.md says how to read what they print.
"""
