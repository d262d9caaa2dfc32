"""The debugger in editors: an adapter that speaks the Debug Adapter Protocol."""
