"""The page in the browser (``vidcolor serve``); needs the extra ``web``."""
