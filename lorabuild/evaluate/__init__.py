"""Pictures drawn to judge a result: samples and grids."""
