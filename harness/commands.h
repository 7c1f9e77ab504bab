/* The commands: each parses its arguments, does its work and returns the exit status. argv[0] is
 * what the command is called in messages. */
#ifndef TORNWRITE_COMMANDS_H
#define TORNWRITE_COMMANDS_H

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_replay(int argc, char **argv);

#endif
