"""The heart, mostly laid side by side with asyncio's own: same operations, same outcome."""
