/* A pretended libnvidia-ml.so.1: cards that are lines of a text file, read anew at every question.

   PRETENDED_NVML names the file; without it the library answers as one whose driver is not loaded.
   PRETENDED_NVML_LOG names a file that gets a line for each init and shutdown. Lines of the file:

     cards 2                          how many cards there are
     0 name NVIDIA H100 80GB HBM3     what a device is: name, uuid, total, used (bytes), power, limit (mW), energy (mJ),
     0 process 4242 21474836480       utilization, fan (%), temperature (°C), and who is on it: pid and bytes, -1 if unknown,
     0 graphics 77 1048576            by kind: process (CUDA), graphics, mps
     0 slices 7                       in MIG mode, with room for so many slices; slice 1 of card 0 is device 101
     1 error handle 15                what fails, with NVML's code: a question by its key, "handle", or "all"
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, UNINITIALIZED = 1, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9 };
enum { ROOM = 256, DEVICES = 2000 };

static int ids[DEVICES];
static int inits;

/* Copy the nth value of a device's key; return whether there is one. */
static int find(int device, const char *key, int nth, char *value) {
    const char *path = getenv("PRETENDED_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[ROOM], name[32];
    int found = 0;
    while (file && !found && fgets(line, ROOM, file)) {
        int owner, start = 0;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%d %31s %n", &owner, name, &start) == 2 && start && owner == device && !strcmp(name, key)
            && nth-- == 0) {
            strcpy(value, line + start);
            found = 1;
        }
    }
    if (file) fclose(file);
    return found;
}

static int cards(void) {
    const char *path = getenv("PRETENDED_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[ROOM];
    int count = 0;
    while (file && fgets(line, ROOM, file))
        if (sscanf(line, "cards %d", &count) == 1) break;
    if (file) fclose(file);
    return count;
}

/* Return the error of a question to a device, OK for none. */
static int error(int device, const char *question) {
    char value[ROOM], key[32];
    int code;
    for (int i = 0; find(device, "error", i, value); i++)
        if (sscanf(value, "%31s %d", key, &code) == 2 && (!strcmp(key, question) || !strcmp(key, "all"))) return code;
    return OK;
}

static int number(void *handle, const char *key, unsigned long long *answer) {
    int device = *(int *)handle, code = error(device, key);
    char value[ROOM];
    if (code != OK) return code;
    if (!find(device, key, 0, value)) return NOT_SUPPORTED;
    *answer = strtoull(value, NULL, 10);
    return OK;
}

static int small(void *handle, const char *key, unsigned *answer) {
    unsigned long long value = 0;
    int code = number(handle, key, &value);
    *answer = (unsigned)value;
    return code;
}

static int text(void *handle, const char *key, char *answer, unsigned room) {
    int device = *(int *)handle, code = error(device, key);
    char value[ROOM];
    if (code != OK) return code;
    if (!find(device, key, 0, value)) return NOT_SUPPORTED;
    snprintf(answer, room, "%s", value);
    return OK;
}

static int handle_of(int device, void **handle) {
    ids[device] = device;
    *handle = &ids[device];
    return error(device, "handle");
}

static void write_log(const char *what) {
    const char *path = getenv("PRETENDED_NVML_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%d %s\n", (int)getpid(), what);
    fclose(file);
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    if (!getenv("PRETENDED_NVML")) return DRIVER_NOT_LOADED;
    inits++;
    write_log("init");
    return OK;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlInit(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    if (!inits) return UNINITIALIZED;
    inits--;
    write_log("shutdown");
    return OK;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    int code = error(-1, "count");
    *count = (unsigned)cards();
    return inits ? code : UNINITIALIZED;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { return handle_of((int)index, handle); }
int nvmlDeviceGetName(void *handle, char *name, unsigned room) { return text(handle, "name", name, room); }
int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned room) { return text(handle, "uuid", uuid, room); }

typedef struct { unsigned long long total, free, used; } memory;
int nvmlDeviceGetMemoryInfo(void *handle, memory *answer) {
    int code = number(handle, "total", &answer->total);
    if (code == OK) code = number(handle, "used", &answer->used);
    answer->free = answer->total - answer->used;
    return code;
}

int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) { return small(handle, "power", milliwatts); }
int nvmlDeviceGetEnforcedPowerLimit(void *handle, unsigned *milliwatts) { return small(handle, "limit", milliwatts); }
int nvmlDeviceGetFanSpeed(void *handle, unsigned *percent) { return small(handle, "fan", percent); }
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *millijoules) {
    return number(handle, "energy", millijoules);
}
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *celsius) {
    (void)sensor;
    return small(handle, "temperature", celsius);
}
typedef struct { unsigned gpu, memory; } rates;
int nvmlDeviceGetUtilizationRates(void *handle, rates *answer) {
    answer->memory = 0;
    return small(handle, "utilization", &answer->gpu);
}

typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } process;
static int processes(void *handle, const char *key, unsigned *count, process *answer) {
    int device = *(int *)handle, code = error(device, key);
    unsigned room = *count, held = 0;
    char value[ROOM];
    if (code != OK) return code;
    for (; find(device, key, (int)held, value); held++) {
        long long used = -1;
        unsigned pid = 0;
        sscanf(value, "%u %lld", &pid, &used);
        if (answer && held < room) answer[held] = (process){pid, (unsigned long long)used, 0, 0};
    }
    *count = held;
    return held > room ? INSUFFICIENT_SIZE : OK;
}
int nvmlDeviceGetComputeRunningProcesses_v2(void *handle, unsigned *count, process *answer) {
    return processes(handle, "process", count, answer);
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, process *answer) {
    int code = error(*(int *)handle, "v3");
    return code ? code : processes(handle, "process", count, answer);
}
int nvmlDeviceGetGraphicsRunningProcesses_v2(void *handle, unsigned *count, process *answer) {
    return processes(handle, "graphics", count, answer);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned *count, process *answer) {
    int code = error(*(int *)handle, "v3");
    return code ? code : processes(handle, "graphics", count, answer);
}
int nvmlDeviceGetMPSComputeRunningProcesses_v2(void *handle, unsigned *count, process *answer) {
    return processes(handle, "mps", count, answer);
}
int nvmlDeviceGetMPSComputeRunningProcesses_v3(void *handle, unsigned *count, process *answer) {
    int code = error(*(int *)handle, "v3");
    return code ? code : processes(handle, "mps", count, answer);
}

int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    int code = small(handle, "slices", current);
    *current = *pending = code == OK;
    return code;
}
int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *count) { return small(handle, "slices", count); }
int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned index, void **slice) {
    int device = 100 * (*(int *)handle + 1) + (int)index;
    char value[ROOM];
    return find(device, "uuid", 0, value) ? handle_of(device, slice) : NOT_FOUND;
}
