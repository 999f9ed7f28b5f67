"""How findings are told: coverage that adds up, formats for programs and people, comments on pull requests.

Must not know how a finding was made. Start with `report.py`.
"""
