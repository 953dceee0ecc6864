"""The screen E-mails: the texts of the e-mails that the product sends."""
