"""Scenes of the demo, one module for each chapter of findings; adding one touches no old file.

A module has PLANTED, the findings that it makes ill. SCENES are acts that are played again and
again: each causes a problem, and pauses after a cure. A file `<chapter>.sql` beside the module
makes problems of tables, before the first vacuum.
"""
