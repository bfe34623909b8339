"""How good a bundle is: ``vla policy eval``. Lock-step simulation, ground-truth judge, unseen scenes. No ROS, no torch.

``condition`` says what is made harder, ``disturbances`` how; ``attempts`` runs one attempt and ``runner`` all of them;
``smoothness`` and ``intervals`` do the arithmetic; ``summary`` makes ``report.json`` of it, ``page`` the HTML report
and ``footage`` one video per kind of failure.
"""
