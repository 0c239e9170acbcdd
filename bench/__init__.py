"""augbench: does adding this synthetic data help, and can the number be trusted?"""

__version__ = "0.1.0"
