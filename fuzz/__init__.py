"""Any octets, into everything that reads octets: `python -m fuzz --help`.

Each target takes octets and raises if a rule is broken; what it makes of them is
decided by them alone, so that what was found once is found again.  `found/` has the
inputs that once broke a rule.
"""
