"""Other libraries that hand arrays over, each driven as its users drive it.

A module for each; the library is imported when its transport opens.
"""
