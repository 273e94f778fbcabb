package jarloop.example;

import java.util.concurrent.TimeUnit;

/** Counts the requests that are being answered, so that a stop can wait for them. */
final class Requests {
    private int running;
    private long lastEnd = System.nanoTime();

    synchronized void begin() {
        running++;
    }

    synchronized void end() {
        running--;
        lastEnd = System.nanoTime();
        notifyAll();
    }

    /**
     * Waits until none has run for {@code quiet} milliseconds, {@code limit} milliseconds at
     * most.
     *
     * <p>The quiet is for requests that have arrived and are not counted yet.
     */
    synchronized void awaitQuiet(long quiet, long limit) throws InterruptedException {
        long start = System.nanoTime();
        if (running == 0) {
            lastEnd = start;
        }
        while (true) {
            long now = System.nanoTime();
            long left = millis(start, limit, now);
            long wait = running > 0 ? left : Math.min(left, millis(lastEnd, quiet, now));
            if (wait <= 0) {
                return;
            }
            wait(wait);
        }
    }

    /** What is left at {@code now} of so many milliseconds that began at {@code since}, rounded up. */
    private static long millis(long since, long millis, long now) {
        return TimeUnit.NANOSECONDS.toMillis(TimeUnit.MILLISECONDS.toNanos(millis) - (now - since) + 999_999);
    }
}
