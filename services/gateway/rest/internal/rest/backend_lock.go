package rest

import (
	"encoding/json"
	"net/http"
	"time"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// lockInfo is a lock as Terraform writes and reads it.
type lockInfo struct {
	ID        string
	Operation string
	Info      string
	Who       string
	Version   string
	Created   *time.Time
	Path      string
}

// readLock reads the lock in a request's body; no body is no lock.
func (c stateCall) readLock() (lockInfo, error) {
	body, err := c.body(maxLockBytes)
	if err != nil || len(body) == 0 {
		return lockInfo{}, err
	}
	return parseLock(body)
}

// parseLock reads what Terraform sends. Fields that later versions may add are left out.
func parseLock(body []byte) (lockInfo, error) {
	var lock lockInfo
	if err := json.Unmarshal(body, &lock); err != nil {
		return lockInfo{}, stateRefusal(http.StatusBadRequest, stackyardv1.ErrorReason_INVALID_FIELD,
			"the body is no lock: "+err.Error())
	}
	return lock, nil
}

// isForced is true for what OpenTofu's `force-unlock` sends: a lock that has an id and was never
// made. Terraform's sends nothing.
func (l lockInfo) isForced() bool {
	return l.Created != nil && l.Created.IsZero() && l.Who == "" && l.Operation == ""
}

// toProto leaves out what stacks says better: when, and of which stack.
func (l lockInfo) toProto() *stackyardv1.StateLock {
	return &stackyardv1.StateLock{
		LockId: l.ID, Operation: l.Operation, Info: l.Info, Who: l.Who, Version: l.Version}
}

func lockInfoOf(lock *stackyardv1.StateLock) lockInfo {
	created := lock.GetCreateTime().AsTime()
	return lockInfo{ID: lock.GetLockId(), Operation: lock.GetOperation(), Info: lock.GetInfo(),
		Who: lock.GetWho(), Version: lock.GetVersion(), Created: &created, Path: lock.GetName()}
}

// lockInfoFrom is the holder that an error names in its metadata.
func lockInfoFrom(metadata map[string]string) lockInfo {
	created, err := time.Parse(time.RFC3339Nano, metadata["create_time"])
	if err != nil {
		created = time.Time{}
	}
	return lockInfo{ID: metadata["lock_id"], Operation: metadata["operation"],
		Info: metadata["info"], Who: metadata["who"], Version: metadata["version"],
		Created: &created, Path: metadata["resource"]}
}

func writeLock(w http.ResponseWriter, httpCode int, lock lockInfo) {
	body, _ := json.Marshal(lock)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(httpCode)
	_, _ = w.Write(append(body, '\n'))
}
