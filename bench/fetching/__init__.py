"""Published files by one command: transfers that resume, mirrors, hashes, the hub, and archives."""
