"""What upstreams are like, seen from here: `dotproxy check`.

`survey` goes through the upstreams (`subject`) and probes each of their addresses
(`probe`): `greeting` connects as the proxy does, with a `witness` beside it,
`interview` asks questions.  What was found stands in `findings`, typed, and is shown
by `table`; `progress` shows what is under way.
"""
