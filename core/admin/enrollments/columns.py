"""Columns of enrollments that several screens show."""

from core.admin.kit import cells
from core.admin.kit.lists.columns import Reads, column
from core.admin.kit.sync.sending import enrollment_status

PERCENT_IN_FILE = column("Progress %", Reads(("percentage_completed",), lambda part: int(part * 100)))
COURSE_LINK = column(
    "Course", lambda enrollment: cells.link(enrollment, str(enrollment.product)), sort="product__name"
)
PROGRESS = column("Progress", "percentage_completed", cells.progress, sort=True, in_file=[PERCENT_IN_FILE])
STATUS = column("Status", enrollment_status, in_file="status_now")
# For tabs, whose rows are few enough to compute the status of all: `with_status` annotates it.
SORTED_STATUS = column("Status", enrollment_status, sort="status_now")
COMPLETED = column("Completed", "completed_at", cells.moment, sort=True)
EXPIRES = column("Expires", "expiry_date", cells.moment, sort=True, empty="Never", ahead=True)
