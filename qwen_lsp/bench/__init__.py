"""The measurements that the documents quote, one package a command, run by `qwen-lsp bench ...`.

Must not be imported by the product, only by `cli/`. Start with the package named like the command;
`editor.py` is an editor without a screen, for measurements and tests.
"""
