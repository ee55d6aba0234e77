"""The way of single queries, told step by step to those who ask for it."""
