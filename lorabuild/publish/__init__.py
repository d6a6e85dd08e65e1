"""What leaves the build: the .safetensors, its metadata, side files and the report."""
