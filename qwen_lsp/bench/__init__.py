"""The measurements that README quotes, one package a command, run by `qwen-lsp bench ...`.

Nothing else imports it but `cli/`. `editor.py` is an editor without a screen, for measurements and tests.
"""
