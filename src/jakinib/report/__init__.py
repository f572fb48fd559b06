"""How results are shown: figures, tables, exports. Computes no estimate."""
