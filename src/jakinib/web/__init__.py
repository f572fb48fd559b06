"""The web page: requests in, reports out. Holds no science."""
