"""vitui's screen: shows and steers what the engine does. Imports no torch, directly or through the engine."""
