"""Model servers behind us: any HTTP server, and two demonstration models built in. Adapters of `ports.Upstream`."""
