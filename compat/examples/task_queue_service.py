"""A task-queue service: submit jobs, get futures; workers, retries, failures, orderly shutdown.

Teaches: how the small parts make a service. `submit` puts a job with a Future into a queue;
workers run the jobs and set the futures; a job that fails is tried again, and after the last try
its exception goes to whoever asks. `close` lets the queue run empty before the workers end.
Look for: the flaky job succeeds at its second try, the bad one fails after three, and nothing
that was submitted before `close` is lost.
"""

import asyncio

TRIES = 3


async def job(name: str, attempt: int, failures: int) -> str:
    """Fail for the first few attempts, then succeed."""
    print(f"  {name}: try {attempt}")
    await asyncio.sleep(0)
    if attempt <= failures:
        raise RuntimeError(f"still broken at try {attempt}")
    return f"fine at try {attempt}"


class Service:
    """Runs jobs with a fixed number of workers."""

    def __init__(self, workers: int) -> None:
        self.jobs: asyncio.Queue[tuple[str, int, asyncio.Future[str]]] = asyncio.Queue()
        self.workers = [asyncio.create_task(self.work()) for _ in range(workers)]

    def submit(self, name: str, failures: int) -> "asyncio.Future[str]":
        """Queue a job; the future gets its result or its last exception."""
        outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.jobs.put_nowait((name, failures, outcome))
        return outcome

    async def close(self) -> None:
        """Finish what was submitted, then end the workers."""
        await self.jobs.join()
        for worker in self.workers:
            worker.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)

    async def work(self) -> None:
        """One worker: take jobs until cancelled, and set their futures."""
        while True:
            name, failures, outcome = await self.jobs.get()
            for attempt in range(1, TRIES + 1):
                try:
                    outcome.set_result(await job(name, attempt, failures))
                    break
                except RuntimeError as error:
                    if attempt == TRIES:
                        outcome.set_exception(error)
            self.jobs.task_done()


async def main() -> None:
    """Submit four jobs, close, look at their outcomes."""
    service = Service(workers=2)
    jobs = {"good": 0, "flaky": 1, "bad": 99, "last": 0}
    outcomes = {name: service.submit(name, failures) for name, failures in jobs.items()}
    print(f"{service.jobs.qsize()} jobs submitted")
    await service.close()
    print("closed; outcomes:")
    for name, outcome in outcomes.items():
        error = outcome.exception()
        print(f"  {name}:", outcome.result() if error is None else f"failed, {error}")


if __name__ == "__main__":
    asyncio.run(main())
