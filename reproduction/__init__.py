"""The paper in miniature: claims, the runs that test them, and a page of results."""
