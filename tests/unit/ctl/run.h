/* The whole of fasctl in the test's process. */
#ifndef TEST_CTL_RUN_H
#define TEST_CTL_RUN_H

/* What the last run wrote. */
extern char *out_text, *err_text;

/* fasctl with these words, split at spaces; its exit status. */
int run(const char *line);
void run_done(void);

#endif
