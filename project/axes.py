"""Settings of django-axes, which stores wrong passwords. The rule is in core/services/accounts/sign_in.py."""

AXES_HANDLER = "project.pages.sign_in.Attempts"
AXES_FAILURE_LIMIT = 1  # the handler has the limits
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_COOLOFF_TIME = "project.pages.sign_in.cool_off"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or whoever goes on trying would lock it for ever
AXES_LOCKOUT_CALLABLE = "project.pages.sign_in.locked_page"
AXES_CLIENT_IP_CALLABLE = "project.middleware.client_address.network_of"
AXES_USERNAME_CALLABLE = "project.pages.sign_in.account_of"
AXES_USERNAME_FORM_FIELD = "username"
AXES_SENSITIVE_PARAMETERS = ["username"]  # not logged
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
