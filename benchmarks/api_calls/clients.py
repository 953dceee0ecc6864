"""`python -m benchmarks.api_calls.clients URL TOKEN SEED THREADS PRODUCTS`: clients of the REST API during a
storm. Each call has an idempotency key and is repeated until it is answered, as a shop does it.

Runs until a line comes on its standard input, and prints what was answered as one JSON object.
"""

import json
import random
import sys
import threading
import time
import uuid
from collections import Counter
from typing import Any

import requests

OWNERS = 4
PATIENCE = 300.0  # seconds until a call without an answer counts as lost


class Client:
    """One thread: makes a random call, repeats it until it is answered, and notes what must be true now."""

    def __init__(self, url: str, token: str, seed: int, products: list[int], number: int) -> None:
        self.url, self.dice, self.products, self.number = url, random.Random(seed), products, number
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.calls: Counter[str] = Counter()
        self.repeated = self.replayed = self.made = 0
        self.students: dict[str, dict[str, Any]] = {}  # by e-mail: id, last name, product numbers
        self.deleted: list[str] = []
        self.places: Counter[str] = Counter()  # added to a seat, by owner and product
        self.jobs: list[str] = []
        self.refused: list[str] = []

    def run(self, over: threading.Event) -> None:
        actions = [self.new_student, self.new_student, self.add_seats, self.enroll, self.rename, self.expiry]
        actions += [self.delete, self.owner]
        while not over.is_set():
            action = self.dice.choice(actions)
            self.calls[action.__name__] += 1
            action()

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Send a call with a new key until it is answered. Returns status and body."""
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                answer = self.session.request(
                    method, f"{self.url}/api/{path}", json=body, headers=headers, timeout=30
                )
            except requests.RequestException:
                self.repeated += 1
                time.sleep(0.05)
                continue
            again = answer.status_code >= 500 or "Try again" in answer.text
            if not again:
                self.replayed += answer.headers.get("Idempotency-Replayed") == "true"
                found = answer.json() if answer.content else {}
                if answer.status_code >= 400 and not (method == "DELETE" and answer.status_code == 404):
                    self.refused.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
                if "job" in found:
                    self.jobs.append(found["job"])
                return answer.status_code, found
            self.repeated += 1
            time.sleep(0.1)
        self.refused.append(f"{method} {path} was never answered")
        return 0, {}

    def owner_address(self) -> str:
        return f"owner{self.dice.randrange(OWNERS)}@api.example"

    def owner(self) -> None:
        self.send("POST", "users/upsert", {"email": self.owner_address(), "name": "Olga Owner"})

    def new_student(self) -> None:
        self.made += 1
        email = f"s{self.number}-{self.made}@api.example"
        numbers = self.dice.sample(self.products, self.dice.randint(0, 2))
        body = {"first_name": "Sam", "last_name": f"N{self.made}", "email": email, "enrollments": numbers}
        status, found = self.send("POST", "students", body | {"user_email": self.owner_address()})
        if status in (200, 201):
            data = found["data"]
            self.students[email] = {"id": data["id"], "last_name": f"N{self.made}", "numbers": numbers}

    def add_seats(self) -> None:
        owner, number = self.owner_address(), self.dice.choice(self.products)
        status, found = self.send("POST", "users/search", {"email": owner})
        if status != 200:
            return
        body = {"thinkific_id": number, "active": True, "add_seats": 1, "enrollment_days": 365}
        status, _ = self.send("POST", f"users/seat/{found['data']['id']}", body)
        if status == 200:
            self.places[f"{owner} {number}"] += 1

    def enroll(self) -> None:
        if not self.students:
            return
        email, number = self.dice.choice([*self.students]), self.dice.choice(self.products)
        body = {"email": email, "user_email": self.owner_address(), "enrollments": [number]}
        status, _ = self.send("POST", "students/enroll", body)
        if status == 202 and number not in self.students[email]["numbers"]:
            self.students[email]["numbers"].append(number)

    def rename(self) -> None:
        if not self.students:
            return
        email = self.dice.choice([*self.students])
        self.made += 1
        body = {"first_name": "Sam", "last_name": f"R{self.made}", "email": email}
        status, _ = self.send("PUT", f"students/{self.students[email]['id']}", body)
        if status == 200:
            self.students[email]["last_name"] = f"R{self.made}"

    def expiry(self) -> None:
        status, found = self.send("POST", "users/search", {"email": self.owner_address()})
        if status == 200:
            days = self.dice.randint(30, 900)
            body = {"product": self.dice.choice(self.products), "type": "days", "expiry_days": days}
            self.send("POST", f"users/enrollments/{found['data']['id']}", body)

    def delete(self) -> None:
        if len(self.students) < 5 or self.dice.random() < 0.7:
            return
        email = self.dice.choice([*self.students])
        status, _ = self.send("DELETE", f"students/{self.students[email]['id']}")
        if status in (204, 404):
            del self.students[email]
            self.deleted.append(email)


def main(url: str, token: str, seed: int, threads: int, products: list[int]) -> dict[str, Any]:
    first = Client(url, token, seed, products, -1)
    for number in range(OWNERS):
        first.send("POST", "users/upsert", {"email": f"owner{number}@api.example", "name": "Olga Owner"})
    clients = [Client(url, token, seed + number, products, number) for number in range(threads)]
    over = threading.Event()
    running = [threading.Thread(target=client.run, args=[over]) for client in clients]
    for thread in running:
        thread.start()
    print("ready", flush=True)
    sys.stdin.readline()  # until the storm is over
    over.set()
    for thread in running:
        thread.join()
    everybody = [first, *clients]
    return {
        "calls": sum((client.calls for client in clients), Counter()),
        "repeated": sum(client.repeated for client in everybody),
        "replayed": sum(client.replayed for client in everybody),
        "students": {email: found for client in clients for email, found in client.students.items()},
        "deleted": [email for client in clients for email in client.deleted],
        "places": sum((client.places for client in clients), Counter()),
        "jobs": [job for client in everybody for job in client.jobs],
        "refused": [text for client in everybody for text in client.refused],
    }


if __name__ == "__main__":
    given = sys.argv
    print(json.dumps(main(given[1], given[2], int(given[3]), int(given[4]), json.loads(given[5]))))
