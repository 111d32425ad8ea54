"""One result, many renderers, a file each; they look nothing up and decide nothing."""
