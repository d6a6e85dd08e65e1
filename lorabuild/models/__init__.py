"""Model families behind one protocol, one file each. The only room that imports diffusers."""
