/* Room on the disk for what SQLite maps.  For db.c. */
#ifndef FAS_BASE_DB_ROOM_H
#define FAS_BASE_DB_ROOM_H

/*
 * Once before the first connection.  From here on the log's index (FILE-shm) has its room before it is mapped, and a full disk is
 * what it is for every other file: SQLITE_FULL, "disk_full".
 */
void db_room_begin(void);

#endif
