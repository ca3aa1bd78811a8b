"""Five libraries that people would pick instead of ours, each as a small app of its own packages."""
