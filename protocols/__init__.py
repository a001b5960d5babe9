"""Application protocols over miniloop's transports and streams: servers and clients."""
