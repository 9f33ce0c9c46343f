"""Stage `report`: results/report.html."""
