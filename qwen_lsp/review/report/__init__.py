"""How findings are reported: coverage that adds up, formats for programs and people, pull requests.

Must not know how a finding was made. Start with `report.py`.
"""
