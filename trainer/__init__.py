"""Recordings and public data sets in, a bundle out."""
