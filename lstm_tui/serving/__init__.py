"""The debugger in a browser: a small web server, and a process of the debugger for every visitor."""
