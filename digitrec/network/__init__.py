"""The network: its layers, its settings, and the files it is published as."""
