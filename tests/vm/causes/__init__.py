"""Boots that fail, each by really breaking something; `python -m tests.vm.causes` records their logs."""
