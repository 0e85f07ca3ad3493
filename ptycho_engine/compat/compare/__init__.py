"""How far the legacy numbers and ours lie apart on a scan."""
