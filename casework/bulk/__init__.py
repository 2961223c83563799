"""Files in and out: rows that become commands, and events that become rows."""
