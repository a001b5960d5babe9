"""Every deliberate difference from asyncio, shown with either library's names on every loop."""
