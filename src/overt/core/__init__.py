"""The thinking: values and pure functions. No clock, file, socket, random number or log line in here."""
