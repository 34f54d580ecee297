"""One file a format; `registry.FORMATS` lists them."""
